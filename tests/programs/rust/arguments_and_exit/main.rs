use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    println!("{} {:?}", args.len(), args);
    println!("{} {:?}", env::var("COLOUR").unwrap(), env::var("NOPE"));
    eprintln!("warning");
    print!("no newline ");
    ExitCode::from(7)
}
