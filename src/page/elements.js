// The elements that the page is made of: texts, badges, rows of tables. All text goes into the page as text, never as HTML.

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page lacks #${id}`);
  return found;
}

/**
 * @param {string} id
 * @param {string} text
 */
export function show(id, text) {
  const target = element(id);
  // What is the same is left alone: a selection in it survives, and nothing is read out again.
  if (target.textContent !== text) target.textContent = text;
}

/**
 * @param {keyof HTMLElementTagNameMap} tag
 * @param {string} className
 * @param {...(Node | string)} children
 */
export function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/**
 * @param {string} className
 * @param {string} text
 */
export function badge(className, text) {
  return make('span', `badge ${className}`, text);
}

/** @type {ReadonlyMap<string, string>} */
const tableRoles = new Map([
  ['TABLE', 'table'],
  ['THEAD', 'rowgroup'],
  ['TBODY', 'rowgroup'],
  ['TR', 'row'],
  ['TD', 'cell'],
]);

/**
 * Says what the parts of tables are. On a phone they are laid out as cards, and some browsers then take them for no table.
 * @param {Element} within
 */
export function nameRoles(within) {
  for (const part of [within, ...within.querySelectorAll('table, thead, tbody, tr, th, td')])
    part.role =
      tableRoles.get(part.tagName) ?? (part.getAttribute('scope') === 'row' ? 'rowheader' : 'columnheader');
}

/**
 * A row whose first cell names it.
 * @param {Node | string} head
 * @param {Readonly<Record<string, readonly (Node | string)[]>>} cells
 */
export function row(head, cells) {
  const made = make('tr', '');
  const first = make('th', '', head);
  first.setAttribute('scope', 'row');
  made.append(first);
  for (const [label, content] of Object.entries(cells)) {
    const cell = make('td', '', make('div', '', ...content));
    cell.dataset['label'] = label;
    made.append(cell);
  }
  nameRoles(made);
  return made;
}

/** Rows as they were drawn, by their table's id and their own key. @type {Map<string, {source: string, row: HTMLElement}>} */
const drawn = new Map();

/**
 * Draws a row for each item, and leaves those alone that have not changed.
 * @template Item
 * @param {string} id
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} draw
 */
export function fill(id, items, keyOf, draw) {
  const body = element(id);
  const rows = items.map((item) => {
    const key = `${id} ${keyOf(item)}`;
    const source = JSON.stringify(item);
    const known = drawn.get(key);
    if (known?.source === source) return known.row;
    const made = draw(item);
    drawn.set(key, { source, row: made });
    return made;
  });
  const kept = new Set(rows);
  for (const [key, { row: old }] of drawn) if (key.startsWith(`${id} `) && !kept.has(old)) drawn.delete(key);
  for (const [index, wanted] of rows.entries())
    if (body.children[index] !== wanted) body.insertBefore(wanted, body.children[index] ?? null);
  while (body.children.length > rows.length) body.lastElementChild?.remove();
}
