package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
)

const suiteHelp = `embeddingcanary suite checks files of texts, in YAML or JSON lines, and says what is in them together with the built-in texts,
and what a round with them takes.

  embeddingcanary suite our-texts.yaml
`

// suiteFlags say which texts are sent.
type suiteFlags struct {
	builtIn bool
	files   list
}

func (s *suiteFlags) register(flags *flag.FlagSet) {
	flags.BoolVar(&s.builtIn, "built-in", true, "send the built-in texts")
	flags.Var(&s.files, "suite", "`file` of own texts, YAML or JSON lines; may be given several times")
}

// read returns the texts.
func (s *suiteFlags) read() (*canary.Suite, error) {
	var parts []*canary.Suite
	if s.builtIn {
		part, err := canary.BuiltIn()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	for _, path := range s.files {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		part, err := canary.Read(path, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return canary.Merge("suite", parts...)
}

func printSuite(c *invocation) error {
	var s suiteFlags
	var all bool
	c.flags.BoolVar(&s.builtIn, "built-in", true, "with the built-in texts")
	c.flags.BoolVar(&all, "list", false, "print every text")
	files, err := c.parse(0, math.MaxInt, "files")
	if err != nil {
		return err
	}
	s.files = files
	suite, err := s.read()
	if err != nil {
		return err
	}
	plan, err := canary.NewPlan(suite, canary.Settings{})
	if err != nil {
		return err
	}
	kinds := make(map[string]int)
	for _, t := range suite.Texts {
		kinds[t.Kind]++
		if all {
			fmt.Fprintf(c.stdout, "%-18s  %.100q\n", t.ID, t.Text)
		}
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(c.stdout, "%-18s  %s\n", name, fmt.Sprintf(format, args...))
	}
	line("texts", "%d plain, %d odd, %d blank", kinds[canary.KindPlain], kinds[canary.KindOdd], kinds[canary.KindBlank])
	line("pairs", "%d", len(suite.Pairs))
	line("queries", "%d", len(suite.Queries))
	languages := suite.Languages()
	line("languages", "%d: %s", len(languages), strings.Join(languages, ", "))
	line("digest", "%s", suite.Digest())
	round := plan.Round(1)
	line("a round", "%d calls of about %d tokens", len(round.Calls()), round.Tokens())
	return nil
}
