package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
)

type file struct{ name, text string }

// resources are valid resources by their kind, namespace and name.
type resources map[string]config.Config

// readFolder returns the folder's YAML files in the order of their names.
func readFolder(folder string) ([]file, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	files := make([]file, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file{filepath.Base(path), string(text)})
	}
	return files, nil
}

// digest is the SHA-256 of each file's name, a zero byte, its text and a zero byte.
func digest(files []file) string {
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%s\x00%s\x00", f.name, f.text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// parse validates every document. One that Istio refuses is told and left out, as at admission.
func parse(files []file) resources {
	found := resources{}
	for _, f := range files {
		// One by one, because Istio's parser gives up at the first one that it refuses.
		for i, document := range strings.Split("\n"+f.text, "\n---") {
			place := fmt.Sprintf("%s, document %d", f.name, i+1)
			parsed, unknown, err := crd.ParseInputs(document)
			if err != nil {
				tell(event{Event: "refused", Resource: place, Message: err.Error()})
			}
			for _, each := range unknown {
				// Kubernetes' own, such as a ConfigMap, are none of istiod's business.
				if each.APIVersion == "v1" {
					continue
				}
				message := fmt.Sprintf("no kind %s of %s", each.Kind, each.APIVersion)
				tell(event{Event: "refused", Resource: place, Message: message})
			}
			for _, each := range parsed {
				found.add(each)
			}
		}
	}
	return found
}

func (r resources) add(c config.Config) {
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	c.Domain = "cluster.local"
	name := fmt.Sprintf("%s %s/%s", c.GroupVersionKind.Kind, c.Namespace, c.Name)
	schema, ok := collections.All.FindByGroupVersionAliasesKind(c.GroupVersionKind)
	if !ok {
		tell(event{Event: "refused", Resource: name, Message: "not a kind that Istio knows"})
		return
	}
	warning, err := schema.ValidateConfig(c)
	if warning != nil {
		tell(event{Event: "warning", Resource: name, Message: warning.Error()})
	}
	if err != nil {
		tell(event{Event: "refused", Resource: name, Message: err.Error()})
		return
	}
	r[name] = c
}

// apply brings the store from what it has to what is wanted.
func apply(store model.ConfigStore, applied, wanted resources) {
	for name, next := range wanted {
		var err error
		if last, ok := applied[name]; !ok {
			_, err = store.Create(next)
		} else if !last.Equals(&next) {
			if stored := store.Get(next.GroupVersionKind, next.Name, next.Namespace); stored != nil {
				next.ResourceVersion = stored.ResourceVersion
			}
			_, err = store.Update(next)
		}
		tellError(name, err)
	}
	for name, last := range applied {
		if _, ok := wanted[name]; !ok {
			tellError(name, store.Delete(last.GroupVersionKind, last.Name, last.Namespace, nil))
		}
	}
}

func tellError(name string, err error) {
	if err != nil {
		tell(event{Event: "failed", Resource: name, Message: err.Error()})
	}
}
