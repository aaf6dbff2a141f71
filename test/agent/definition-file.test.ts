/** Parsers of what others wrote: service files, and answers of gRPC health services. No input may break them. */

import { definitionLimits, healthCheckRequest, parseDefinitions, servingStatusOf } from '@skein/agent/parts';
import { DefinitionError } from '@skein/api';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

describe('a service file', () => {
  const words =
    'service services Check checks name Name id port tags meta ttl http tcp grpc interval args alias_service service_id ' +
    'weights __proto__ constructor x';
  const keys = fc.constantFrom(...words.split(' '));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, 0, -1, 1e300, '', '10s', 'web', 'http://x/', 'a:1'),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  const texts = fc.oneof(
    value.map((some) => JSON.stringify(some)),
    value.map((some) => stringify(some)),
    fc.string(),
    fc.string({ unit: fc.constantFrom('a', ':', ' ', '\n', '-', '[', ']', '{', '}', '&', '*', '!', '"', '#', '|', '?', '\t') }),
  );

  test('is definitions or an error that says where and why, whatever is in it', () => {
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const { services, checks } = parseDefinitions(text);
          expect(services.length + checks.length).toBeLessThanOrEqual(definitionLimits.definitionsPerFile);
        } catch (error) {
          expect(error).toBeInstanceOf(DefinitionError);
          const { message } = error as Error;
          expect(message.length).toBeLessThan(1000);
          expect(message).not.toContain('\n');
        }
      }),
      { numRuns: 500, seed: 11 },
    );
  });

  test('says the same as YAML and as JSON', () => {
    const document = { service: { name: 'web', port: 80, tags: ['a'], check: { http: 'http://x/', interval: '10s' } } };
    expect(parseDefinitions(stringify(document))).toEqual(parseDefinitions(JSON.stringify(document)));
  });
});

describe('an answer of a gRPC health service', () => {
  /** In the frame that gRPC puts around a message. */
  function framed(message: readonly number[]): Uint8Array {
    return Uint8Array.from([0, 0, 0, message.length >> 8, message.length & 0xff, ...message]);
  }

  test('is a status or an error, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          bytes.map((each) => framed([...each])),
        ),
        (answer) => {
          try {
            expect(servingStatusOf(answer)).toMatch(/^[A-Z_]+$|^status \d/);
          } catch (error) {
            expect((error as Error).message).toContain('the answer');
          }
        },
      ),
      { numRuns: 1000, seed: 12 },
    );
  });

  test('may have fields that nobody here knows, of every kind', () => {
    const unknown = [0x10, 0x96, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 2, 0x61, 0x62, 0x2d, 1, 2, 3, 4];
    expect(servingStatusOf(framed([...unknown, 0x08, 1]))).toBe('SERVING');
    expect(servingStatusOf(framed([0x08, 2, ...unknown]))).toBe('NOT_SERVING');
  });

  test('is asked for by a name of any length', () => {
    const name = 'ü'.repeat(100);
    const request = healthCheckRequest(name);
    expect([...request.subarray(0, 8)]).toEqual([0, 0, 0, 0, 203, 0x0a, 0xc8, 0x01]);
    expect(new TextDecoder().decode(request.subarray(8))).toBe(name);
  });
});
