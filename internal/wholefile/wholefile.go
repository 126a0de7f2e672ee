// Package wholefile writes files that are there as a whole or not at all.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write writes all of a file, or leaves what was there before.
func Write(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // there is none any more if all went well
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
