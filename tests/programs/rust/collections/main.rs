use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};

fn main() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in "the cat sat on the mat the end".split(' ') {
        *counts.entry(word).or_insert(0) += 1;
    }
    println!("{:?} {:?}", counts, counts.range("m".."t").collect::<Vec<_>>());
    let mut best: Vec<_> = counts.iter().collect();
    best.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    println!("{:?}", &best[..2]);
    let mut positions: HashMap<char, Vec<usize>> = HashMap::new();
    for (at, letter) in "banana".char_indices() {
        positions.entry(letter).or_default().push(at);
    }
    let removed = positions.remove(&'b');
    println!("{:?} {:?} {:?}", positions[&'a'], positions.get(&'z'), removed);
    let mut heap = BinaryHeap::from(vec![Reverse(5), Reverse(1), Reverse(9)]);
    heap.push(Reverse(3));
    print!("{:?} ", heap.pop().map(|Reverse(n)| n));
    println!("{:?}", heap.into_sorted_vec());
    let mut deque: VecDeque<i32> = (1..=3).collect();
    deque.push_front(0);
    deque.rotate_left(1);
    let last = deque.pop_back();
    println!("{:?} {:?} {:?}", deque, last, deque.iter().rev().collect::<Vec<_>>());
    let a: HashSet<i32> = [1, 2, 3].into();
    let b: HashSet<i32> = [2, 3, 4].into_iter().collect();
    let mut both: Vec<_> = a.intersection(&b).copied().collect();
    both.sort();
    println!("{:?} {} {}", both, a.union(&b).count(), a.is_subset(&b));
    let list: LinkedList<&str> = ["x", "y"].into();
    println!("{:#?}", (list, Some([1, 2])));
}
