import { describe, expect, test } from 'vitest';
import { cronWords } from './cron';

describe('cron expressions in words', () => {
  test.each([
    ['0 6 * * *', 'daily at 06:00'],
    ['30 6,18 * * *', 'daily at 06:30 and 18:30'],
    ['0 6 * * 1-5', 'Monday to Friday at 06:00'],
    ['0 6 * * mon,WED,fri', 'Monday, Wednesday and Friday at 06:00'],
    ['0 0 * * 7', 'Sunday at 00:00'],
    ['*/15 * * * *', 'every 15 minutes'],
    ['* * * * *', 'every minute'],
    ['0 * * * *', 'every hour'],
    ['5 * * * *', 'every hour at 5 past'],
    ['0 */2 * * *', 'every 2 hours'],
    ['*/10 9-17 * * 1-5', 'every 10 minutes from 09:00 to 17:59, Monday to Friday'],
    ['0 9-17 * * *', 'every hour from 09:00 to 17:00'],
    ['0 6 1 * *', 'day 1 of the month at 06:00'],
    ['0 6 L * *', 'the last day of the month at 06:00'],
    ['0 6 1 1,7 *', 'day 1 of January and July at 06:00'],
    ['0 6 * 3 *', 'every day in March at 06:00'],
    ['@daily', 'daily at 00:00'],
  ])('%s is said as "%s"', (expression, words) => {
    expect(cronWords(expression)).toBe(words);
  });

  test.each([
    '0 6 1 * 1',
    '0 6 * * 5#2',
    '1,2,3,4,5 1,2 * * *',
    '0 6 * *',
    'nonsense',
    '*/45 * * * *',
    '0 */5 * * *',
    '0 6 * * xyz',
    '1-9/2 * * * *',
  ])('%s is left as it is', (expression) => {
    expect(cronWords(expression)).toBeUndefined();
  });
});
