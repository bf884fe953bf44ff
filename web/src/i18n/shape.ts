/** The shape of a dictionary: its keys, with any text for a text and the same arguments for a function. */
export type Shape<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => string ? (...args: A) => string : T[K] extends string ? string : Shape<T[K]>;
};
