package embedding

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTaskPrefixes(t *testing.T) {
	own := []TaskPrefix{
		{Prefix: "Instruct: Summarize", Task: "summary"},
		{Prefix: "query: ", Task: "mine"},
		{Prefix: "", Task: "never"},
	}
	p := NewTaskPrefixes(append(own, BuiltInTaskPrefixes()...))
	for text, want := range map[string]string{
		"Instruct: Given a web search query, retrieve relevant passages\nQuery: how do I": TaskQuery,
		"Instruct: no query follows": "",
		"Instruct: " + strings.Repeat("x", maxInstruction) + "\nQuery: too far": "",
		"Instruct: Summarize\nQuery: the longer prefix counts":                  "summary",
		"query: of two that are the same the first counts":                      "mine",
		"passage: The sky":   TaskDocument,
		"search_document: x": TaskDocument,
		"search_query: x":    TaskQuery,
		"clustering: x":      TaskClustering,
		"为这个句子生成表示以用于检索相关文章：什么":          TaskQuery,
		"task: search result | query: x": TaskQuery,
		"title: none | text: x":          TaskDocument,
		"title: a heading":               "",
		"Query: another case":            "",
		"a query: in the midst":          "",
		"query:":                         "",
		"":                               "",
	} {
		require.Equal(t, want, p.Task([]byte(text)), "%q", text)
	}
}

// Every built-in prefix is found in a text that begins with it.
func TestBuiltInTaskPrefixes(t *testing.T) {
	p := NewTaskPrefixes(BuiltInTaskPrefixes())
	for _, prefix := range BuiltInTaskPrefixes() {
		require.Equal(t, prefix.Task, p.Task([]byte(prefix.Prefix+"some words"+prefix.Then+" and more")), "%q", prefix.Prefix)
	}
}

func BenchmarkTaskPrefixes(b *testing.B) {
	p := NewTaskPrefixes(BuiltInTaskPrefixes())
	text := []byte("Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: what is an embedding")
	b.ReportAllocs()
	for b.Loop() {
		if p.Task(text) != TaskQuery {
			b.Fatal("not found")
		}
	}
}
