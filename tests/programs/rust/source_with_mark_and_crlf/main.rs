fn main() {
    let text = "two
lines Åsa";
    println!("{:?}", text);
}