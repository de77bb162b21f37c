use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, BufWriter, Read, Write};

fn main() {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).unwrap();
    let mut words = text.split_whitespace();
    let mut next = || words.next().unwrap().parse::<usize>().unwrap();
    let (nodes, edges) = (next(), next());
    let mut graph = vec![Vec::new(); nodes + 1];
    for _ in 0..edges {
        let (a, b, cost) = (next(), next(), next());
        graph[a].push((b, cost));
        graph[b].push((a, cost));
    }
    let mut distance = vec![None; nodes + 1];
    let mut heap = BinaryHeap::new();
    heap.push(Reverse((0, 1)));
    while let Some(Reverse((far, node))) = heap.pop() {
        if distance[node].is_some() {
            continue;
        }
        distance[node] = Some(far);
        for &(other, cost) in &graph[node] {
            heap.push(Reverse((far + cost, other)));
        }
    }
    let out = io::stdout();
    let mut out = BufWriter::new(out.lock());
    for (node, far) in distance.iter().enumerate().skip(1) {
        match far {
            Some(far) => writeln!(out, "{node} {far}").unwrap(),
            None => writeln!(out, "{node} unreachable").unwrap(),
        }
    }
}
