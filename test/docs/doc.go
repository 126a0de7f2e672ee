// Package docs tests what the pages in docs/ quote: commands, error messages and addresses are those of the real programs.
package docs
