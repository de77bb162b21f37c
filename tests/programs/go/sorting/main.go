package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
)

type Student struct {
	Name string
	Mark float64
	Year int
}

type ByName []Student

func (s ByName) Len() int           { return len(s) }
func (s ByName) Less(i, j int) bool { return s[i].Name < s[j].Name }
func (s ByName) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	count, _ := strconv.Atoi(in.Text())
	students := make([]Student, 0, count)
	for len(students) < count && in.Scan() {
		parts := strings.Split(in.Text(), ",")
		mark, _ := strconv.ParseFloat(parts[1], 64)
		year, _ := strconv.Atoi(parts[2])
		students = append(students, Student{parts[0], mark, year})
	}
	sort.Sort(ByName(students))
	sort.SliceStable(students, func(i, j int) bool {
		a, b := students[i], students[j]
		if a.Mark != b.Mark {
			return a.Mark > b.Mark
		}
		return a.Year < b.Year
	})
	for i, s := range students {
		fmt.Printf("%2d. %-8s%6.2f %d\n", i+1, s.Name, s.Mark, s.Year)
	}
	numbers := []int{10, 9, 1, 100}
	sort.Sort(sort.Reverse(sort.IntSlice(numbers)))
	fmt.Println(numbers, sort.SearchInts([]int{1, 3, 5}, 4))
}
