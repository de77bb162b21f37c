fn main() {
    for row in 1..=2500 {
        println!("{} {} {}", row, row * row, "-".repeat(row % 60));
    }
}
