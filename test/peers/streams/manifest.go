package main

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// manifest says how the files of a folder are to be read.
type manifest struct {
	Dimension int `json:"dimension"`
	// Reference is the number of rows that every file begins with, which are without fault and for all detectors to learn from.
	Reference int `json:"reference"`
	// Window is the number of rows of each window behind them.
	Window int `json:"window"`
	// Learn is how many windows come before the first that is judged. Monitor needs them; nobody else is asked for a verdict there.
	Learn   int          `json:"learn"`
	Streams []streamFile `json:"streams"`
}

type streamFile struct {
	File     string `json:"file"`
	Scenario string `json:"scenario"`
	// Traffic is the scenario without the fault. Of the same seed, both have the same rows until the fault begins.
	Traffic string `json:"traffic"`
	Seed    uint64 `json:"seed"`
	Windows int    `json:"windows"`
	// Healthy is how many of the windows come before the fault: all of them where there is none.
	Healthy int `json:"healthy"`
}

const manifestFile = "manifest.json"

func (m *manifest) write(folder string) error {
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, manifestFile), append(b, '\n'), 0o644)
}

func readManifest(folder string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(folder, manifestFile))
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	return m, json.Unmarshal(b, m)
}
