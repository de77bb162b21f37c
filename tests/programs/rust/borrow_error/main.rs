fn main() {
    let mut words = vec![String::from("a")];
    let first = &words[0];
    words.push(String::from("b"));
    println!("{}", first);
}
