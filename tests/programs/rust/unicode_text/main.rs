use std::io::stdin;

fn main() {
    let mut text = String::new();
    stdin().read_line(&mut text).unwrap();
    let text = text.trim_end();
    println!("{} {}", text.len(), text.chars().count());
    println!("{}", text.chars().rev().collect::<String>());
    println!("{} {} {}", text.to_uppercase(), "straße".to_uppercase(), "ΣΟΦΟΣ".to_lowercase());
    let mut letters = String::new();
    stdin().read_line(&mut letters).unwrap();
    for (at, letter) in letters.trim().char_indices() {
        println!("{} U+{:04X} {} {:?}", at, letter as u32, letter.len_utf8(), letter);
    }
    println!("{:?} {:?} {}", "é".as_bytes(), String::from_utf8(vec![0xff]).is_err(), char::from_u32(0x1F389).unwrap());
    println!("{:?} {}", "tab\t\u{301}é", &text[0..2]);
}
