import { IdTable } from "./id-table";

class Item {
  constructor(readonly id: u32) {}
}

function idOf(table: IdTable<Item>, id: u32): i64 {
  const item = table.get(id);
  return item ? item.id : -1;
}

/** Whether the table has exactly the odd or even numbers below `end`. */
function hasEvery(table: IdTable<Item>, first: u32, end: u32): bool {
  for (let id: u32 = first; id < end; id += 2) {
    if (idOf(table, id) != id || idOf(table, id ^ 1) != -1) return false;
  }
  return table.count == (end - first + 1) / 2;
}

/** Puts numbers in whose homes are close, takes three of them out, and looks for all the others. */
function survives(first: u32, order: i32): bool {
  const table = new IdTable<Item>();
  // Fibonacci numbers apart, homes are close.
  const ids: u32[] = [first, first + 55, first + 89, first + 144, first + 233, first + 377, first + 610];
  for (let i = 0; i < ids.length; i++) table.set(ids[i], new Item(ids[i]));
  const gone: u32[] = [ids[order % 3], ids[3 + (order % 2)], ids[5]];
  for (let i = 0; i < gone.length; i++) table.take(gone[i]);
  for (let i = 0; i < ids.length; i++) {
    if (idOf(table, ids[i]) != (gone.includes(ids[i]) ? -1 : <i64>ids[i])) return false;
  }
  return table.count == 4;
}

describe("a table by number", () => {
  it("finds nothing while it is empty, under 0 and the largest number too", () => {
    const table = new IdTable<Item>();
    expect(idOf(table, 0)).toBe(-1);
    expect(idOf(table, u32.MAX_VALUE)).toBe(-1);
    expect(table.take(7)).toBeNull();
    expect(table.count).toBe(0);
  });

  it("replaces what has the number already", () => {
    const table = new IdTable<Item>();
    table.set(3, new Item(1));
    table.set(3, new Item(2));
    expect(idOf(table, 3)).toBe(2);
    expect(table.count).toBe(1);
  });

  it("keeps twenty thousand, and those that stay when the others go", () => {
    const table = new IdTable<Item>();
    for (let id: u32 = 0; id < 20_000; id++) table.set(id, new Item(id));
    for (let id: u32 = 0; id < 20_000; id += 2) {
      const item = table.take(id);
      expect(item ? item.id : u32.MAX_VALUE).toBe(id);
    }
    expect(hasEvery(table, 1, 20_000)).toBe(true);
  });

  it("cuts none off when one that stood in its way goes", () => {
    // Numbers of one home, wherever that is, and others around it, taken out in every order of
    // three.
    for (let order = 0; order < 6; order++) {
      for (let first: u32 = 0; first < 2_000; first += 7) expect(survives(first, order)).toBe(true);
    }
  });

  it("stands numbers that are far apart and come and go", () => {
    const table = new IdTable<Item>();
    let id: u32 = 1;
    for (let i = 0; i < 100_000; i++) {
      id = id * 1664525 + 1013904223;
      table.set(id, new Item(id));
      if (idOf(table, id) != id) break;
      table.take(id);
    }
    expect(table.count).toBe(0);
  });
});
