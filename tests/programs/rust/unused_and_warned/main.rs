use std::collections::HashMap;

fn never_called() {}

fn main() {
    let unused = 5;
    println!("runs all the same");
}
