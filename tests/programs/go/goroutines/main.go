package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

func producer(count int) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := 0; i < count; i++ {
			out <- i
		}
	}()
	return out
}

func main() {
	var group sync.WaitGroup
	var lock sync.Mutex
	var total int
	var atomically int64
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; n < 100; n++ {
				lock.Lock()
				total++
				lock.Unlock()
				atomic.AddInt64(&atomically, 1)
			}
		}()
	}
	group.Wait()
	fmt.Println(total, atomically)
	sum := 0
	for n := range producer(10) {
		sum += n
	}
	fmt.Println(sum)

	jobs, results := make(chan int, 20), make(chan int, 20)
	for w := 0; w < 4; w++ {
		go func() {
			for job := range jobs {
				results <- job * job
			}
		}()
	}
	for i := 1; i <= 20; i++ {
		jobs <- i
	}
	close(jobs)
	squares := 0
	for i := 0; i < 20; i++ {
		squares += <-results
	}
	fmt.Println(squares)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	select {
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	case <-time.After(time.Minute):
		fmt.Println("too late")
	}
	ticker := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 3; i++ {
		<-ticker.C
	}
	ticker.Stop()
	var once sync.Once
	for i := 0; i < 3; i++ {
		once.Do(func() { fmt.Println("once") })
	}
	select {
	case n, open := <-results:
		fmt.Println(n, open)
	default:
		fmt.Println("nothing left")
	}
}
