package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	raw, err := io.ReadAll(os.Stdin)
	fmt.Printf("% x %d %v\n", raw, len(raw), err)
	line := bytes.SplitN(raw, []byte("\n"), 2)[0]
	_, err = strconv.Atoi(string(line))
	fmt.Println(err)
	fmt.Println(strconv.Atoi(string(bytes.TrimPrefix(line, []byte("\ufeff")))))
}
