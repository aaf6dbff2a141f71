/** Something that happens once, and that others may wait for before and after. */

export class Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;

  constructor() {
    let open: () => void = () => undefined;
    this.opened = new Promise((resolve) => (open = resolve));
    this.open = open;
  }
}
