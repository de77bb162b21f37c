struct Fibonacci(u64, u64);

impl Iterator for Fibonacci {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        let current = self.0;
        *self = Fibonacci(self.1, self.0 + self.1);
        Some(current)
    }
}

fn counter() -> impl FnMut() -> i32 {
    let mut count = 0;
    move || {
        count += 1;
        count
    }
}

fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C {
    move |x| g(f(x))
}

fn apply_all(functions: &[Box<dyn Fn(i32) -> i32>], value: i32) -> Vec<i32> {
    functions.iter().map(|f| f(value)).collect()
}

fn main() {
    println!("{:?}", Fibonacci(0, 1).take_while(|&n| n < 100).filter(|n| n % 2 == 0).collect::<Vec<_>>());
    println!("{:?}", Fibonacci(0, 1).skip(5).step_by(2).zip("abc".chars()).collect::<Vec<_>>());
    let (mut next, mut other) = (counter(), counter());
    next();
    println!("{} {}", next(), other());
    println!("{}", compose(|n: i32| n * 10, |n| format!("<{n}>"))(4));
    println!("{:?}", apply_all(&[Box::new(|n| n + 1), Box::new(move |n| n * n)], 5));
    let words = ["apple", "bob", "cat"];
    println!("{:?} {:?} {:?}", words.iter().map(|w| w.len()).max(), words.iter().position(|&w| w == "cat"), words.concat());
    let (long, short): (Vec<&str>, Vec<&str>) = words.iter().partition(|w| w.len() > 3);
    println!("{:?} {:?} {}", long, short, (1..=5).product::<i32>());
    println!("{:?}", (1..4).flat_map(|n| std::iter::repeat(n).take(n)).collect::<Vec<_>>());
    println!("{:?}", [1, 2, 3, 4, 5].windows(2).map(|w| w[1] - w[0]).chain([9]).rev().collect::<Vec<_>>());
    println!("{:?} {:?}", ["1", "x"].iter().map(|s| s.parse::<i32>()).collect::<Result<Vec<_>, _>>().is_err(), (1..=3).fold(String::new(), |s, n| s + &n.to_string()));
    println!("{:?} {}", [3, 1, 2].iter().scan(0, |s, n| { *s += n; Some(*s) }).last(), [1, 2].iter().any(|&n| n == 2));
}
