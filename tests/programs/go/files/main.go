package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	file, err := os.Create("log.txt")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(file, "one\n%s\n", "två")
	file.Close()
	file, _ = os.OpenFile("log.txt", os.O_APPEND|os.O_WRONLY, 0o644)
	file.WriteString("three\n")
	file.Close()
	data, _ := os.ReadFile("log.txt")
	fmt.Printf("%q\n", strings.Split(string(data), "\n"))
	info, _ := os.Stat("log.txt")
	fmt.Println(info.Size(), info.Mode(), info.IsDir())
	os.MkdirAll("a/b/c", 0o755)
	os.WriteFile("a/b/c/deep.bin", []byte{0, 255, 10}, 0o600)
	filepath.Walk("a", func(path string, info os.FileInfo, err error) error {
		fmt.Println(path, info.IsDir())
		return err
	})
	fmt.Println(os.Rename("log.txt", "a/moved.txt"), os.RemoveAll("a"))
	_, err = os.Stat("a")
	fmt.Println(os.IsNotExist(err))
	scratch, _ := os.CreateTemp("", "x")
	writer := csv.NewWriter(scratch)
	writer.Write([]string{"Ann", "Paris, France", `the "big" one`})
	writer.Flush()
	scratch.Seek(0, 0)
	line, _ := bufio.NewReader(scratch).ReadString('\n')
	fmt.Print(line)
	records, err := csv.NewReader(strings.NewReader(line)).ReadAll()
	fmt.Println(records, len(records[0]), err)
}
