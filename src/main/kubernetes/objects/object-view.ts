/** Objects as the monitor last saw them in Kubernetes. Complete whenever a checker is asked for a plan. */
export interface ObjectView<Record> {
  get(namespace: string, name: string): Record | undefined;
  values(): Iterable<Record>;
}
