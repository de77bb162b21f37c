use std::io::{self, BufRead, Write};

fn main() {
    let mut input = io::stdin().lock();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).unwrap() == 0 {
            break;
        }
        println!("{:?}", line);
    }
    print!("no end");
    io::stdout().flush().unwrap();
}
