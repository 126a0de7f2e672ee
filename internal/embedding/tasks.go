package embedding

import (
	"bytes"
	"cmp"
	"slices"
)

// Task types that the built-in prefixes stand for.
const (
	TaskQuery          = "query"
	TaskDocument       = "document"
	TaskClassification = "classification"
	TaskClustering     = "clustering"
)

// TaskPrefix is the beginning of a text by which a model is told what its vector is for.
type TaskPrefix struct {
	// Prefix is compared byte by byte.
	Prefix string
	// Then must follow anywhere in the first maxInstruction bytes, where it is not empty: instructions that are written
	// for an application end with a mark of the model.
	Then string
	// Task is the task type of texts that begin so.
	Task string
}

// maxInstruction is how far into a text an instruction may reach, in bytes.
const maxInstruction = 1024

// BuiltInTaskPrefixes returns the prefixes that the cards of widely used models ask for.
func BuiltInTaskPrefixes() []TaskPrefix {
	return []TaskPrefix{
		// Qwen3-Embedding, E5 with instructions, GTE-Qwen2, SFR and Linq: an instruction of one line, then the query.
		{Prefix: "Instruct: ", Then: "\nQuery:", Task: TaskQuery},
		// E5, and Snowflake Arctic Embed for queries.
		{Prefix: "query: ", Task: TaskQuery},
		{Prefix: "passage: ", Task: TaskDocument},
		// BGE and mxbai-embed, English and Chinese. Their documents have none.
		{Prefix: "Represent this sentence for searching relevant passages:", Task: TaskQuery},
		{Prefix: "为这个句子生成表示以用于检索相关文章：", Task: TaskQuery},
		// Nomic Embed.
		{Prefix: "search_query: ", Task: TaskQuery},
		{Prefix: "search_document: ", Task: TaskDocument},
		{Prefix: "classification: ", Task: TaskClassification},
		{Prefix: "clustering: ", Task: TaskClustering},
		// EmbeddingGemma: a task, then the text; documents have a title.
		{Prefix: "task: search result | query: ", Task: TaskQuery},
		{Prefix: "task: question answering | query: ", Task: TaskQuery},
		{Prefix: "task: fact checking | query: ", Task: TaskQuery},
		{Prefix: "task: code retrieval | query: ", Task: TaskQuery},
		{Prefix: "task: classification | query: ", Task: TaskClassification},
		{Prefix: "task: clustering | query: ", Task: TaskClustering},
		{Prefix: "title: ", Then: " | text: ", Task: TaskDocument},
	}
}

// TaskPrefixes finds the task type of a text by how it begins. It is never written to and safe for concurrent use.
type TaskPrefixes struct {
	// byFirst has the prefixes by their first byte, the longest first, so that a text is compared with few.
	byFirst [256][]TaskPrefix
}

// NewTaskPrefixes makes a TaskPrefixes. Of several prefixes that a text begins with, the longest counts; of the same
// prefix, the first.
func NewTaskPrefixes(prefixes []TaskPrefix) *TaskPrefixes {
	p := &TaskPrefixes{}
	for _, prefix := range prefixes {
		if prefix.Prefix != "" {
			first := prefix.Prefix[0]
			p.byFirst[first] = append(p.byFirst[first], prefix)
		}
	}
	for _, sameFirst := range p.byFirst {
		slices.SortStableFunc(sameFirst, func(a, b TaskPrefix) int { return cmp.Compare(len(b.Prefix), len(a.Prefix)) })
	}
	return p
}

// Task returns the task type of a text, "" where it begins with no prefix.
func (p *TaskPrefixes) Task(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	for i := range p.byFirst[text[0]] {
		prefix := &p.byFirst[text[0]][i]
		if len(text) < len(prefix.Prefix) || string(text[:len(prefix.Prefix)]) != prefix.Prefix {
			continue
		}
		head := text[len(prefix.Prefix):min(len(text), maxInstruction)]
		if prefix.Then == "" || bytes.Contains(head, []byte(prefix.Then)) {
			return prefix.Task
		}
	}
	return ""
}
