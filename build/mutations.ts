// The small faults that one could make in a file: a condition turned round, a bound off by one, a step left out. Each is
// a piece of the source and what stands there instead. A test that matters fails with it.

import { type Node, parseSync, Visitor } from 'oxc-parser';

export interface Mutation {
  readonly start: number;
  readonly end: number;
  /** What stands there instead. */
  readonly text: string;
}

const otherOperators: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
  '??=': '=',
  '||=': '=',
  '++': '--',
  '--': '++',
};

const otherMethods: Readonly<Record<string, string>> = {
  min: 'max',
  max: 'min',
  some: 'every',
  every: 'some',
};

/** Those of a source, in its order. */
export function mutationsOf(path: string, source: string): readonly Mutation[] {
  const { program, errors } = parseSync(path, source);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  const found: Mutation[] = [];
  /** Types and imports: Node does not run them. */
  const erased: Node[] = [];
  const erase = (node: Node): void => void erased.push(node);
  const textOf = ({ start, end }: Node): string => source.slice(start, end);
  const replace = ({ start, end }: Pick<Node, 'start' | 'end'>, text: string): void =>
    void found.push({ start, end, text });
  /** Between two operands. */
  const exchange = (left: Node, operator: string, right: Node): void => {
    const other = otherOperators[operator];
    const start = left.end + source.slice(left.end, right.start).indexOf(operator);
    if (other !== undefined) replace({ start, end: start + operator.length }, other);
  };
  const negate = (condition: Node): void => {
    // These have mutations of their own.
    if (condition.type === 'UnaryExpression' || condition.type === 'LogicalExpression') return;
    if (condition.type === 'BinaryExpression' && condition.operator in otherOperators) return;
    replace(condition, `!(${textOf(condition)})`);
  };
  const operand = (node: Node): void => {
    if (node.type !== 'LogicalExpression') negate(node);
  };
  const remove = (statement: Node): void => replace(statement, ';');

  new Visitor({
    ImportDeclaration: erase,
    TSTypeAnnotation: erase,
    TSInterfaceDeclaration: erase,
    TSTypeAliasDeclaration: erase,
    TSTypeParameterInstantiation: erase,
    TSTypeParameterDeclaration: erase,
    TSAsExpression: ({ typeAnnotation }) => erase(typeAnnotation),
    TSSatisfiesExpression: ({ typeAnnotation }) => erase(typeAnnotation),

    IfStatement: ({ test }) => negate(test),
    WhileStatement: ({ test }) => negate(test),
    DoWhileStatement: ({ test }) => negate(test),
    ConditionalExpression: ({ test }) => negate(test),
    UnaryExpression: (node) => {
      if (node.operator === '!') replace(node, `(${textOf(node.argument)})`);
    },
    BinaryExpression: ({ left, operator, right }) => {
      const texts = [left, right].some(
        ({ type, start }) =>
          type === 'TemplateLiteral' || (type === 'Literal' && /['"]/.test(source.charAt(start))),
      );
      if (operator !== '+' || !texts) exchange(left, operator, right);
    },
    LogicalExpression: (node) => {
      const { left, operator, right } = node;
      if (operator === '??') replace(node, `(${textOf(left)})`);
      else exchange(left, operator, right);
      if (operator !== '??') for (const each of [left, right]) operand(each);
    },
    AssignmentExpression: ({ left, operator, right }) => exchange(left, operator, right),
    UpdateExpression: (node) => {
      const { operator, prefix, argument } = node;
      const other = otherOperators[operator] ?? '';
      replace(node, prefix ? `${other}${textOf(argument)}` : `${textOf(argument)}${other}`);
    },
    CallExpression: ({ callee }) => {
      if (callee.type !== 'MemberExpression' || callee.computed) return;
      const other = otherMethods[textOf(callee.property)];
      if (other !== undefined) replace(callee.property, other);
    },
    Literal: (node) => {
      const text = textOf(node);
      if (text === '0') replace(node, '1');
      if (text === '1') replace(node, '0');
      if (text === 'true') replace(node, 'false');
      if (text === 'false') replace(node, 'true');
      if (text === "''") replace(node, "'mutated'");
    },
    ExpressionStatement: (node) => {
      // The super class is needed in any case.
      if (!textOf(node).startsWith('super(')) remove(node);
    },
    ThrowStatement: remove,
    ContinueStatement: remove,
    BreakStatement: remove,
    ReturnStatement: (node) => {
      const { argument } = node;
      if (argument === null) remove(node);
      else if (!['true', 'false', 'null', 'undefined'].includes(textOf(argument)))
        replace(node, 'return undefined;');
      else if (textOf(argument) === 'null') remove(node);
    },
  }).visit(program);

  return found
    .filter(({ start, end }) => !erased.some((node) => node.start <= start && end <= node.end))
    .toSorted((a, b) => a.start - b.start || a.end - b.end);
}
