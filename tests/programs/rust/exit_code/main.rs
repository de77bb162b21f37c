use std::io::{self, BufRead};

fn main() {
    let mut balance = 100;
    for line in io::stdin().lock().lines() {
        let amount: i32 = line.unwrap().trim().parse().unwrap();
        if amount > balance {
            eprintln!("not enough money: {} left", balance);
            std::process::exit(3);
        }
        balance -= amount;
        println!("paid {amount}");
    }
    println!("done");
}
