fn main() {
    let words = vec![String::from("a")];
    let moved = words;
    println!("{:?}", words);
    let count: i32 = "three";
}
