// Sorting of whole numbers. The one of `Array` would be half as long as the automata's builder.

/** Puts the numbers in ascending order: Shell's method, with Knuth's gaps. */
export function sortAscending(numbers: Array<i32>): void {
  let gap = 1;
  while (gap < numbers.length) gap = gap * 3 + 1;
  for (gap /= 3; gap > 0; gap /= 3) {
    for (let i = gap; i < numbers.length; i++) {
      const number = unchecked(numbers[i]);
      let at = i;
      for (; at >= gap && unchecked(numbers[at - gap]) > number; at -= gap) {
        unchecked((numbers[at] = numbers[at - gap]));
      }
      unchecked((numbers[at] = number));
    }
  }
}
