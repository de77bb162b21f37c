#[inline(never)]
fn down(n: u64) -> u64 {
    let frame = [n; 64];
    let below = if n == 0 { 0 } else { down(n - 1) + 1 };
    // Read after the call, at a place that nobody can foresee, so that the frame is there meanwhile.
    below + unsafe { std::ptr::read_volatile(frame.as_ptr().add((n % 64) as usize)) } * 0
}

fn main() {
    if down(200_000) == 200_000 {
        println!("well");
    }
}
