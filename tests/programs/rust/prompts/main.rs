use std::io::{self, Write};

fn ask(question: &str) -> String {
    print!("{} ", question);
    io::stdout().flush().unwrap();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).expect("no answer");
    answer.trim().to_string()
}

fn main() {
    let name = ask("What is your name?");
    let age: u8 = loop {
        match ask("How old are you?").parse() {
            Ok(age) => break age,
            Err(error) => println!("{error}"),
        }
    };
    println!("\nHello, {name}!\nNext year you will be {}", age + 1);
}
