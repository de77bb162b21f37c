use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::Duration;

static COUNTED: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let total = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let total = Arc::clone(&total);
            thread::spawn(move || {
                for _ in 0..1000 {
                    *total.lock().unwrap() += 1;
                    COUNTED.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    println!("{} {}", *total.lock().unwrap(), COUNTED.load(Ordering::SeqCst));

    let (sender, receiver) = mpsc::channel();
    for id in 0..3 {
        let sender = sender.clone();
        thread::spawn(move || (0..4).for_each(|n| sender.send(id * 10 + n).unwrap()));
    }
    drop(sender);
    let mut received: Vec<i32> = receiver.iter().collect();
    received.sort_unstable();
    println!("{:?}", received);

    let mut values = vec![1, 2, 3, 4];
    thread::scope(|scope| {
        for part in values.chunks_mut(2) {
            scope.spawn(move || part.iter_mut().for_each(|value| *value *= 10));
        }
    });
    println!("{:?}", values);

    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&pair);
    let waker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(2));
        *other.0.lock().unwrap() = true;
        other.1.notify_all();
    });
    let mut ready = pair.0.lock().unwrap();
    while !*ready {
        ready = pair.1.wait(ready).unwrap();
    }
    waker.join().unwrap();
    let failed = thread::Builder::new().name("bad".into()).spawn(|| panic!("in a thread")).unwrap().join();
    println!("{} {}", failed.is_err(), RwLock::new(5).read().unwrap());
}
