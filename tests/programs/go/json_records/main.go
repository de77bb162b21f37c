package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type Student struct {
	Name  string         `json:"name"`
	Marks []int          `json:"marks,omitempty"`
	Total int            `json:"total"`
	Extra map[string]any `json:"extra,omitempty"`
	quiet bool
}

func main() {
	var students []Student
	if err := json.NewDecoder(os.Stdin).Decode(&students); err != nil {
		panic(err)
	}
	for i := range students {
		for _, mark := range students[i].Marks {
			students[i].Total += mark
		}
		students[i].Marks = nil
	}
	text, _ := json.Marshal(students)
	fmt.Println(string(text))
	fmt.Printf("%v %+v\n", students[0], students[1])
	text, _ = json.MarshalIndent(map[string]any{"b": []any{1, 2.5, nil, true}, "a": "<é>\n\"\\"}, "", "  ")
	fmt.Println(string(text))
	var anything map[string]any
	fmt.Println(json.Unmarshal([]byte(`{"n": 12345678901234567890, "e": "\ud83c\udf89", "l": [1, "x"]}`), &anything), anything)
	fmt.Println(json.Unmarshal([]byte("{'single': 1}"), &anything))
	fmt.Println(json.Unmarshal([]byte(`[{"name": 5}]`), &students))
}
