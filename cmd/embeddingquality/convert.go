package main

import (
	"fmt"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
)

const convertHelp = `embeddingquality convert IN OUT copies a reference file, as JSON if the name of OUT ends in .json, else
in binary form. Nothing is lost either way.

  embeddingquality convert qwen3.reference qwen3.json
`

func convert(c *commandline.Invocation) error {
	paths, err := c.Parse(2, 2, "a reference file and the file to write")
	if err != nil {
		return err
	}
	f, err := reference.Open(paths[0])
	if err != nil {
		return err
	}
	if err := f.Write(paths[1]); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Stdout, "wrote %s\n", paths[1])
	return err
}
