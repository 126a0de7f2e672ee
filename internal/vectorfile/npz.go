package vectorfile

import (
	"archive/zip"
	"bufio"
	"os"
	"strings"
)

// openNPZ opens the array of vectors in an .npz archive: the one that is named, else the only one, else the first of the
// default names. What is to be closed goes to r.
func (r *Reader) openNPZ(path string, file *os.File, size int64, f *fields) (rowReader, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, &Error{File: path, Err: err}
	}
	arrays := map[string]*zip.File{}
	var names []string
	for _, member := range archive.File {
		if name, ok := strings.CutSuffix(member.Name, ".npy"); ok {
			arrays[name] = member
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, &Error{File: path, Found: "a zip archive without an .npy array", Want: "one that np.savez wrote"}
	}
	v := f[vectorField]
	chosen := arrays[names[0]]
	if v.named || len(names) > 1 {
		chosen = nil
		for i := 0; i < len(v.names) && chosen == nil; i++ {
			chosen = arrays[v.names[i]]
		}
	}
	if chosen == nil {
		return nil, &Error{File: path, Found: "arrays " + someOf(names), Want: f.wantVector("array")}
	}
	content, err := chosen.Open()
	if err != nil {
		return nil, &Error{File: path, Field: chosen.Name, Err: err}
	}
	r.closers = append(r.closers, content)
	in := bufio.NewReaderSize(content, bufferSize)
	return openNPY(path+": "+chosen.Name, in, int64(chosen.UncompressedSize64))
}
