use std::cmp::{Ordering, Reverse};
use std::io::stdin;

#[derive(Debug, Clone, PartialEq)]
struct Student {
    name: String,
    mark: f64,
    year: u32,
}

fn main() {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    let count: usize = line.trim().parse().unwrap();
    let mut students = Vec::with_capacity(count);
    for _ in 0..count {
        line.clear();
        stdin().read_line(&mut line).unwrap();
        let parts: Vec<&str> = line.trim().split(',').collect();
        students.push(Student { name: parts[0].to_string(), mark: parts[1].parse().unwrap(), year: parts[2].parse().unwrap() });
    }
    students.sort_by(|a, b| {
        b.mark.partial_cmp(&a.mark).unwrap_or(Ordering::Equal).then(a.year.cmp(&b.year)).then_with(|| a.name.cmp(&b.name))
    });
    for (i, Student { name, mark, year }) in students.iter().enumerate() {
        println!("{:2}. {:<8}{:6.2} {}", i + 1, name, mark, year);
    }
    let mut numbers = vec![10, 9, 1, 100, 9];
    numbers.sort_by_key(|&n| Reverse(n));
    numbers.dedup();
    println!("{:?} {:?} {:?}", numbers, [1, 3, 5].binary_search(&5), [1, 3, 5].binary_search(&4));
}
