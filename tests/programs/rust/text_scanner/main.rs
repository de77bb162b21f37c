use std::io::{stdin, Read};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Operator(char),
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(&letter) = letters.peek() {
        match letter {
            ' ' => { letters.next(); }
            '0'..='9' | '.' => {
                let mut number = String::new();
                while let Some(&digit) = letters.peek().filter(|c| c.is_ascii_digit() || **c == '.') {
                    number.push(digit);
                    letters.next();
                }
                found.push(Token::Number(number.parse().map_err(|_| format!("bad number {number}"))?));
            }
            '+' | '-' | '*' | '/' => { found.push(Token::Operator(letter)); letters.next(); }
            '(' => { found.push(Token::Open); letters.next(); }
            ')' => { found.push(Token::Close); letters.next(); }
            other => return Err(format!("unexpected {other:?}")),
        }
    }
    Ok(found)
}

fn sum(tokens: &[Token], at: &mut usize) -> Result<f64, String> {
    let mut value = product(tokens, at)?;
    while let Some(Token::Operator(sign @ ('+' | '-'))) = tokens.get(*at) {
        *at += 1;
        let right = product(tokens, at)?;
        value = if *sign == '+' { value + right } else { value - right };
    }
    Ok(value)
}

fn product(tokens: &[Token], at: &mut usize) -> Result<f64, String> {
    let mut value = atom(tokens, at)?;
    while let Some(Token::Operator(sign @ ('*' | '/'))) = tokens.get(*at) {
        *at += 1;
        let right = atom(tokens, at)?;
        value = if *sign == '*' { value * right } else { value / right };
    }
    Ok(value)
}

fn atom(tokens: &[Token], at: &mut usize) -> Result<f64, String> {
    let token = tokens.get(*at).ok_or("unexpected end")?;
    *at += 1;
    match token {
        Token::Number(value) => Ok(*value),
        Token::Operator('-') => Ok(-atom(tokens, at)?),
        Token::Open => {
            let value = sum(tokens, at)?;
            if tokens.get(*at) != Some(&Token::Close) {
                return Err("missing )".into());
            }
            *at += 1;
            Ok(value)
        }
        other => Err(format!("unexpected {other:?}")),
    }
}

fn main() {
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    for line in text.lines() {
        match tokens(line).and_then(|tokens| sum(&tokens, &mut 0)) {
            Ok(value) => println!("{line} = {value}"),
            Err(error) => println!("{line}: {error}"),
        }
    }
}
