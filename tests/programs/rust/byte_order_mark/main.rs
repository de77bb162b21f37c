use std::io::{stdin, Read};

fn main() {
    let mut raw = Vec::new();
    stdin().read_to_end(&mut raw).unwrap();
    println!("{:02x?} {}", raw, raw.len());
    let text = String::from_utf8_lossy(&raw);
    let first = text.lines().next().unwrap();
    println!("{:?} {:?}", first.parse::<i32>(), first.trim().parse::<i32>().is_ok());
    println!("{:?}", first.trim_start_matches('\u{feff}').parse::<i32>());
}
