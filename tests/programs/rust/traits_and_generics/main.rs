use std::collections::HashMap;
use std::fmt::{self, Debug, Display};
use std::ops::{Add, Index, Mul, Neg};
use std::rc::{Rc, Weak};
use std::cell::{Cell, RefCell};

#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
struct Vector {
    x: f64,
    y: f64,
}

impl Add for Vector {
    type Output = Vector;
    fn add(self, other: Vector) -> Vector {
        Vector { x: self.x + other.x, y: self.y + other.y }
    }
}
impl Mul<Vector> for f64 {
    type Output = Vector;
    fn mul(self, v: Vector) -> Vector {
        Vector { x: self * v.x, y: self * v.y }
    }
}
impl Neg for Vector {
    type Output = Vector;
    fn neg(self) -> Vector {
        -1.0 * self
    }
}
impl Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "({:.1}, {:.1})", self.x, self.y)
    }
}
impl Index<usize> for Vector {
    type Output = f64;
    fn index(&self, at: usize) -> &f64 {
        [&self.x, &self.y][at]
    }
}

trait Animal {
    fn name(&self) -> String;
    fn speak(&self) -> String {
        format!("{} makes a sound", self.name())
    }
}

struct Dog;
struct Cat {
    lives: u8,
}

impl Animal for Dog {
    fn name(&self) -> String {
        "Dog".into()
    }
    fn speak(&self) -> String {
        "Woof".into()
    }
}
impl Animal for Cat {
    fn name(&self) -> String {
        format!("Cat with {} lives", self.lives)
    }
}

fn largest<T: PartialOrd + Copy>(values: &[T]) -> Option<T> {
    let mut values = values.iter();
    let first = *values.next()?;
    Some(values.fold(first, |best, &v| if v > best { v } else { best }))
}

struct Stack<T, const N: usize> {
    items: [Option<T>; N],
    size: usize,
}

impl<T: Copy + Debug, const N: usize> Stack<T, N> {
    fn new() -> Self {
        Stack { items: [None; N], size: 0 }
    }
    fn push(&mut self, item: T) -> Result<(), T> {
        *self.items.get_mut(self.size).ok_or(item)? = Some(item);
        self.size += 1;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Level {
    Low = 1,
    High = 10,
}

struct Tree {
    name: &'static str,
    parent: RefCell<Weak<Tree>>,
    children: RefCell<Vec<Rc<Tree>>>,
    visits: Cell<u32>,
}

impl Drop for Tree {
    fn drop(&mut self) {
        println!("drop {} after {}", self.name, self.visits.get());
    }
}

fn longest<'a>(a: &'a str, b: &'a str) -> &'a str {
    if a.len() >= b.len() { a } else { b }
}

macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => {{ let mut m = HashMap::new(); $(m.insert($key, $value);)* m }};
}

fn main() {
    let a = Vector { x: 1.0, ..Default::default() };
    println!("{} {} {:?} {}", a + 2.0 * a, -a, a < Vector { x: 1.0, y: 1.0 }, a[0]);
    let zoo: Vec<Box<dyn Animal>> = vec![Box::new(Dog), Box::new(Cat { lives: 9 })];
    zoo.iter().for_each(|animal| println!("{}", animal.speak()));
    println!("{:?} {:?} {:?}", largest(&[3, 9, 4]), largest(&[0.5, 1.5]), largest::<char>(&[]));
    let mut stack = Stack::<_, 2>::new();
    println!("{:?} {:?} {:?} {:?}", stack.push('a'), stack.push('b'), stack.push('c'), stack.items);
    println!("{:?} {} {}", Level::High, Level::Low as i32, Level::Low < Level::High);
    let parent = Rc::new(Tree { name: "parent", parent: RefCell::default(), children: RefCell::default(), visits: Cell::new(0) });
    let child = Rc::new(Tree { name: "child", parent: RefCell::default(), children: RefCell::default(), visits: Cell::new(7) });
    *child.parent.borrow_mut() = Rc::downgrade(&parent);
    parent.children.borrow_mut().push(Rc::clone(&child));
    parent.visits.set(parent.visits.get() + 1);
    println!("{} {} {}", child.parent.borrow().upgrade().unwrap().name, Rc::strong_count(&child), Rc::weak_count(&parent));
    println!("{} {}", longest("long", "er"), map! {"a" => 1, "b" => 2}["b"]);
    let value = 7u8;
    println!("{}", match value { 0 => "zero", n if n % 2 == 0 => "even", 1..=5 => "small", _ => "odd" });
}
