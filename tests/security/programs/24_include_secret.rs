#[deprecated(note = "attempted")]
fn attempted() {}
fn main() {
    attempted();
    print!("{}{}{}", include_str!("@SECRET_FILE@"), include_str!("/etc/shadow"), env!("CANARY_SECRET"));
}
