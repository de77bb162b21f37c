use std::collections::HashMap;

#[derive(Debug)]
enum List {
    Cons(i32, Box<List>),
    Nil,
}
use List::{Cons, Nil};

impl List {
    fn sum(&self) -> i32 {
        match self {
            Cons(value, rest) => value + rest.sum(),
            Nil => 0,
        }
    }
}

#[derive(Default)]
struct Tree {
    root: Option<Box<Node>>,
}

struct Node {
    value: i32,
    left: Tree,
    right: Tree,
}

impl Tree {
    fn insert(&mut self, value: i32) {
        match &mut self.root {
            None => self.root = Some(Box::new(Node { value, left: Tree::default(), right: Tree::default() })),
            Some(node) if value < node.value => node.left.insert(value),
            Some(node) => node.right.insert(value),
        }
    }
    fn walk(&self, out: &mut Vec<i32>) {
        if let Some(node) = &self.root {
            node.left.walk(out);
            out.push(node.value);
            node.right.walk(out);
        }
    }
}

fn hanoi(n: u32, a: char, b: char, c: char) -> u64 {
    if n == 0 { 0 } else { hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a) }
}

fn paths(x: u64, y: u64, known: &mut HashMap<(u64, u64), u64>) -> u64 {
    if x == 0 || y == 0 {
        return 1;
    }
    if let Some(&found) = known.get(&(x, y)) {
        return found;
    }
    let found = paths(x - 1, y, known) + paths(x, y - 1, known);
    known.insert((x, y), found);
    found
}

fn permute(items: &mut Vec<char>, from: usize, all: &mut Vec<String>) {
    if from == items.len() {
        all.push(items.iter().collect());
    }
    for i in from..items.len() {
        items.swap(from, i);
        permute(items, from + 1, all);
        items.swap(from, i);
    }
}

fn main() {
    println!("{} {}", hanoi(16, 'A', 'B', 'C'), paths(16, 16, &mut HashMap::new()));
    let list = Cons(1, Box::new(Cons(2, Box::new(Nil))));
    println!("{:?} {}", list, list.sum());
    let mut tree = Tree::default();
    [5, 2, 8, 1, 9, 3].iter().for_each(|&n| tree.insert(n));
    let mut sorted = vec![];
    tree.walk(&mut sorted);
    println!("{:?}", sorted);
    let mut all = Vec::new();
    permute(&mut "abc".chars().collect(), 0, &mut all);
    println!("{}", all.join(" "));
}
