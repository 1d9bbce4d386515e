// Resources as a cluster or a file has them: what `kubectl get -o yaml` prints, or files that
// someone applied.

import { z } from "zod";

const nameSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
  }),
});
const listSchema = z.looseObject({ kind: z.string().regex(/List$/), items: z.array(z.unknown()) });

/** A resource that exists. */
export type LiveResource = z.output<typeof nameSchema>;

/** The resources in a document: one, or the items of a list. Nothing where it is none. */
export function liveResources(document: unknown): readonly LiveResource[] {
  const list = listSchema.safeParse(document);
  if (list.success) return list.data.items.flatMap(liveResources);
  const one = nameSchema.safeParse(document);
  return one.success ? [one.data] : [];
}
