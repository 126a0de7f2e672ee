package kubernetes

import (
	_ "github.com/open-telemetry/opentelemetry-operator/pkg/constants"
	_ "github.com/santhosh-tekuri/jsonschema/v6"
)
