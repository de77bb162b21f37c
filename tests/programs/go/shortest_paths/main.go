package main

import (
	"container/heap"
	"container/list"
	"fmt"
)

type Item struct{ distance, node int }
type Queue []Item

func (q Queue) Len() int           { return len(q) }
func (q Queue) Less(i, j int) bool { return q[i].distance < q[j].distance }
func (q Queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *Queue) Push(x any)        { *q = append(*q, x.(Item)) }
func (q *Queue) Pop() any {
	old := *q
	item := old[len(old)-1]
	*q = old[:len(old)-1]
	return item
}

type Edge struct{ to, cost int }

func main() {
	var nodes, edges int
	fmt.Scan(&nodes, &edges)
	graph := make(map[int][]Edge)
	for i := 0; i < edges; i++ {
		var a, b, cost int
		fmt.Scan(&a, &b, &cost)
		graph[a] = append(graph[a], Edge{b, cost})
		graph[b] = append(graph[b], Edge{a, cost})
	}
	distance := map[int]int{1: 0}
	queue := &Queue{{0, 1}}
	for queue.Len() > 0 {
		item := heap.Pop(queue).(Item)
		if item.distance > distance[item.node] {
			continue
		}
		for _, edge := range graph[item.node] {
			far := item.distance + edge.cost
			if known, ok := distance[edge.to]; !ok || far < known {
				distance[edge.to] = far
				heap.Push(queue, Item{far, edge.to})
			}
		}
	}
	fmt.Println(distance)
	order := list.New()
	order.PushBack(1)
	order.PushFront(0)
	for e := order.Front(); e != nil; e = e.Next() {
		fmt.Print(e.Value, " ")
	}
	fmt.Println(order.Len())
}
