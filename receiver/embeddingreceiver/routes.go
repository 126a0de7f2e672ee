package embeddingreceiver

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
)

// ignoredDialect is the name that takes a path out of what is observed.
const ignoredDialect = "none"

// routes finds the dialect of a call: by the configured paths, in their order, else by the paths that dialects know.
type routes []RouteConfig

func (r routes) lookup(method, path string) (dialect.Dialect, bool) {
	for _, route := range r {
		if method != http.MethodPost || !route.matches(path) {
			continue
		}
		// A name that is not known, as "none", makes the call one that is not observed.
		return dialect.Named(route.Dialect)
	}
	return dialect.For(method, path)
}

func (c RouteConfig) matches(path string) bool {
	if prefix, ok := strings.CutSuffix(c.Path, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return path == c.Path
}

func (c RouteConfig) validate(i int) (errs []error) {
	if !strings.HasPrefix(c.Path, "/") {
		errs = append(errs, fmt.Errorf("tap::routes::%d::path: is %q; want a path, e.g. /embed or /models/*", i, c.Path))
	}
	if _, ok := dialect.Named(c.Dialect); !ok && c.Dialect != ignoredDialect {
		errs = append(errs, fmt.Errorf("tap::routes::%d::dialect: is %q; want one of %s, or %s for calls that are not to be observed", i,
			c.Dialect, strings.Join(dialect.Names(), ", "), ignoredDialect))
	}
	return errs
}
