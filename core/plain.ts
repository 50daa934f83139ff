/**
 * Knows at a glance what nearly every event on the pipes looks like: the envelope as sluice itself writes it, and metrics without
 * times of their own. What this file recognises, the schemas would give back unchanged, at ten times the cost; whatever it does
 * not recognise is theirs to judge. It never refuses anything, and a test holds it to them.
 *
 * For values fresh from `JSON.parse` alone: they share nothing, and hold neither cycles nor accessors.
 */
import type { Data } from './kinds.ts';

/** The longest text of each attribute that sluice writes; those with a form of their own are looked at apart. */
const longest: Readonly<Record<string, number>> = {
  id: 512,
  source: 1024,
  type: 64,
  subject: 255,
  bootid: 64,
  partitionkey: 255,
  causationid: 512,
  nodeversion: 64,
  confighash: 128,
  policycommit: 128,
};
const required = ['specversion', 'id', 'source', 'type', 'time', 'data'] as const;

/** An envelope of which nothing but `data` is left to be checked. */
export function isPlainEnvelope(wire: unknown): wire is Record<string, unknown> {
  if (!isObject(wire)) return false;
  for (const name of Object.keys(wire)) {
    const value = wire[name];
    if (name === 'data') continue;
    if (typeof value !== 'string') return false;
    if (name === 'specversion') {
      if (value !== '1.0') return false;
    } else if (name === 'time' || name === 'expirytime') {
      if (!isPlainTime(value)) return false;
    } else if (name === 'sequence') {
      if (!/^\d{16}$/.test(value)) return false;
    } else {
      const most = Object.hasOwn(longest, name) ? longest[name] : undefined;
      if (most === undefined || value.length === 0 || value.length > most) return false;
    }
  }
  return required.every((name) => Object.hasOwn(wire, name));
}

/** A metric whose every field is known, bounded and flat. */
export function isPlainMetric(data: unknown): data is Data<'metric'> {
  if (!isObject(data) || !hasOnly(data, 'points')) return false;
  const { points } = data;
  return Array.isArray(points) && points.length > 0 && points.length <= 10_000 && points.every(isPlainPoint);
}

function isPlainPoint(point: unknown): boolean {
  if (!isObject(point)) return false;
  for (const name of Object.keys(point)) {
    const value = point[name];
    if (name === 'name') {
      if (!isText(value, 255)) return false;
    } else if (name === 'value') {
      if (!Number.isFinite(value)) return false;
    } else if (name === 'unit') {
      if (typeof value !== 'string' || value.length > 63) return false;
    } else if (name === 'type') {
      if (value !== 'gauge' && value !== 'counter' && value !== 'updown') return false;
    } else if (name !== 'attributes' || !areAttributes(value)) return false;
  }
  return Object.hasOwn(point, 'name') && Object.hasOwn(point, 'value');
}

function areAttributes(attributes: unknown): boolean {
  if (!isObject(attributes)) return false;
  for (const name of Object.keys(attributes)) {
    if (name === '' || name === '__proto__' || name.length > 255) return false;
    const value = attributes[name];
    if (typeof value === 'string' ? value.length > 32_768 : typeof value !== 'boolean' && !Number.isFinite(value)) return false;
  }
  return true;
}

/** As `Date.toISOString` writes it. What comes together was often written together: the latest is known. */
function isPlainTime(text: string): boolean {
  if (text === plain) return true;
  if (text.length !== 24) return false;
  const at = Date.parse(text);
  if (Number.isNaN(at) || new Date(at).toISOString() !== text) return false;
  plain = text;
  return true;
}

let plain = '';

const isText = (value: unknown, most: number): boolean => typeof value === 'string' && value.length > 0 && value.length <= most;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const hasOnly = (value: object, name: string): boolean => {
  const names = Object.keys(value);
  return names.length === 1 && names[0] === name;
};
