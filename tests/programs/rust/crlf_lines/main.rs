use std::io::{stdin, BufRead};

fn main() {
    let mut total = 0;
    for (number, line) in stdin().lock().lines().enumerate() {
        let line = line.unwrap();
        let (name, amount) = line.split_once(';').unwrap();
        println!("{:?} {:?}", name, amount);
        if number > 0 {
            total += amount.parse::<i32>().unwrap();
        }
    }
    println!("total {total}");
}
