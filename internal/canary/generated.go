package canary

import (
	"fmt"
	"strings"
)

// generator is SplitMix64 (Steele, Lea and Flood 2014): the same numbers everywhere.
type generator uint64

func (g *generator) next(n int) int {
	*g += 0x9e3779b97f4a7c15
	z := uint64(*g)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

// topic is words about one thing, each of them so common that it is a single token in every vocabulary.
type topic struct{ things, acts, kinds []string }

// topics returns what the segments of long texts are about, so that a text that goes on has another vector.
func topics() []topic {
	return []topic{
		{words("water boat river bridge rain sea bank"), words("carries crosses reaches follows leaves"), words("cold deep wide fast clear")},
		{words("bread table kitchen oil salt glass plate"), words("fills covers needs holds keeps"), words("fresh hot sweet small white")},
		{words("court law judge case state right paper"), words("decides changes reads signs orders"), words("new final public legal strict")},
		{words("star moon sun sky light night earth"), words("turns passes shows meets hides"), words("bright dark far slow old")},
		{words("team game ball player goal coach match"), words("wins loses plays starts ends"), words("young strong quick last early")},
		{words("bank money price market tax share loan"), words("buys sells pays costs owes"), words("high low cheap free fair")},
		{words("doctor heart blood hand body sleep pain"), words("helps feels hurts treats checks"), words("sick well weak calm healthy")},
		{words("song music voice dance stage film book"), words("sings tells moves opens plays"), words("loud soft long short famous")},
	}
}

func words(s string) []string { return strings.Fields(s) }

// sentenceTokens is the number of tokens of a sentence: seven words and a full stop.
const sentenceTokens = 8

// longText returns a text of about so many tokens, at least a sentence. Each is the beginning of every longer one. Between a length
// and twice as much, it is about another thing.
func longText(tokens int) string {
	var b strings.Builder
	g := generator(1)
	all := topics()
	at, until := 0, firstRung
	for n := 0; n == 0 || n+sentenceTokens <= tokens; n += sentenceTokens {
		for n >= until {
			at, until = at+1, 2*until
		}
		t := all[at%len(all)]
		pick := func(from []string) string { return from[g.next(len(from))] }
		if n > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "the %s %s %s the %s %s.", pick(t.kinds), pick(t.things), pick(t.acts), pick(t.kinds), pick(t.things))
	}
	return b.String()
}

// firstRung is the number of tokens of the shortest of the long texts.
const firstRung = 64

// equalLengths returns n texts, of the same words in another order each: tokenizers that break at spaces make the same number of tokens
// of all. The first word is the same, because it has no space before it.
func equalLengths(n int) []string {
	g := generator(2)
	texts := make([]string, n)
	for i := range texts {
		all := words("green water under stone moves over old white bridge near winter sun")
		for j := len(all) - 1; j > 1; j-- {
			k := 1 + g.next(j)
			all[j], all[k] = all[k], all[j]
		}
		texts[i] = "the " + strings.Join(all, " ")
	}
	return texts
}

// freshText returns a text that starts with a number that no other round has. It is at the beginning, because servers that remember
// beginnings of texts would know the rest already.
func freshText(salt uint64, round int64, base string) string {
	g := generator(salt ^ uint64(round)*0xd1342543de82ef95)
	return fmt.Sprintf("No. %03d %03d %03d. %s", g.next(1000), g.next(1000), g.next(1000), base)
}
