use std::io::{self, Read};

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let numbers: Vec<i64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    let sum: i64 = numbers.iter().sum();
    println!("{} {} {} {}", numbers.len(), sum, numbers.iter().min().unwrap(), numbers.iter().max().unwrap());
    println!("mean {:.3}", sum as f64 / numbers.len() as f64);
    Ok(())
}
