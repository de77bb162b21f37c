package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
)

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Method, r.URL.Query().Get("name"))
	}))
	defer server.Close()
	answer, err := http.Get(server.URL + "/?name=Ann")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(body))
	said, err := exec.Command("sh", "-c", "echo out; echo err >&2; exit 4").CombinedOutput()
	fmt.Printf("%q %v\n", said, err)
	upper := exec.Command("tr", "a-z", "A-Z")
	upper.Stdin = strings.NewReader("shout")
	text, err := upper.Output()
	fmt.Println(string(text), err)
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	go func() {
		conn, _ := listener.Accept()
		conn.Write([]byte("raw"))
		conn.Close()
	}()
	conn, _ := net.Dial("tcp", listener.Addr().String())
	raw, _ := io.ReadAll(conn)
	fmt.Println(string(raw))
}
