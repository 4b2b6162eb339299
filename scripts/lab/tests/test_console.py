# SPDX-License-Identifier: GPL-2.0
"""The results of a boot, and complaints on its console."""
import pathlib
import subprocess
import tempfile

import judge
from consoles import BEGIN, BUG, REST, XEN_BUG, Case, failed, oops, stamped


class Results(Case):

    def test_all_pass(self):
        done = self.judge(BEGIN, 'LAB-PASS one 1.0', REST)
        self.assertEqual(self.passed(done), {'one', 'two'})
        self.assertEqual(self.said, ['ok   6.1 one 1.0 s', 'ok   6.1 two 1.0 s'])

    def test_failed(self):
        done = self.judge(BEGIN, failed('one', reason='status 1'), REST)
        self.assertEqual(self.passed(done), {'two'})
        self.assertIn('FAIL 6.1 one 2.0 s: status 1; log: serial.log', self.said)

    def test_missing(self):
        done = self.judge(BEGIN, 'LAB-PASS one 1.0', 'LAB-END')
        self.assertEqual(done.results['two'], (False, 0.0, 'dom0 ended without it'))

    def test_never_came_up(self):
        done = self.judge('[    1.000000] Linux version 6.12.57')
        self.assertEqual(done.results['one'], (False, 0.0, 'dom0 never came up'))
        self.assertEqual(done.again, [])

    def test_timeout(self):
        done = self.judge(BEGIN, cause='too slow')
        self.assertEqual(done.results['one'], (False, 0.0, 'too slow'))


class Console(Case):
    """A complaint on the console counts, whatever the scenarios say."""

    def complaint(self, *parts):
        done = self.judge(*parts)
        return done.results.get('console-1', (True, 0, None))[2]

    def test_complaint_where_all_pass(self):
        self.assertEqual(self.complaint(BEGIN, XEN_BUG, 'LAB-PASS one 1.0', REST), XEN_BUG)

    def test_complaint_where_one_fails(self):
        self.assertEqual(self.complaint(BEGIN, XEN_BUG, failed('one'), REST), XEN_BUG)

    def test_complaint_before_the_first(self):
        self.assertEqual(self.complaint(XEN_BUG, BEGIN, failed('one'), REST), XEN_BUG)

    def test_complaint_after_the_last(self):
        self.assertEqual(self.complaint(BEGIN, 'LAB-PASS one 1.0', REST, BUG), BUG)

    def test_printed_again(self):
        self.assertIsNone(self.complaint(BEGIN, failed(
            'one', ('guest-g1.log', [BUG]), reason='guest said: <99.0> BUG: foo'), REST))

    def test_scenario_printed_a_log_of_its_guest(self):
        self.assertIsNone(self.complaint(BEGIN, BUG, failed('one', ('guest-g1.log', [BUG])), REST))

    def test_dom0s_own_is_new_though_printed_again(self):
        self.assertEqual(self.complaint(BEGIN, BUG, failed('one', ('dom0', [BUG])), REST), BUG)

    def test_new_line_among_those_printed_again(self):
        lines = failed('one', ('guest-g1.log', ['[  1.000000] a', '[  1.000000] b']))
        for new in (BUG, XEN_BUG):
            self.assertEqual(self.complaint(BEGIN, lines[:2], new, lines[2:], REST), new)

    def test_new_words_within_a_line_printed_again(self):
        for new in (BUG, XEN_BUG):
            self.assertEqual(self.complaint(
                BEGIN, 'LAB-LOG dom0', '| <  1.000000> it is ne' + new, failed('one'), REST), new)

    def test_a_log_ends_where_new_words_begin(self):
        window = judge.Window('one')
        window.lines = ['LAB-LOG guest-g1.log', '| <  1.000000> a' + BUG, '| <  1.000000> b']
        self.assertEqual(window.logs(), {'guest-g1.log': ['[  1.000000] a', '[  1.000000] b']})

    def test_new_words_within_a_reason(self):
        self.assertEqual(self.complaint(BEGIN, failed('one', reason='stat' + BUG), REST), BUG)


class Quotes(Case):
    """checks.sh prints logs in the form that judge.py reads."""

    def quote(self, lines):
        script = (judge.HERE / 'dom0' / 'checks.sh').read_text()
        functions = script[script.index('# quote:'):script.index('# check_clean:')]
        words = '|'.join(judge.bad_words())
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, 'guest-g1.log')
            log.write_text(''.join(f'{line}\r\n' for line in lines))
            return subprocess.run(['bash', '-c', f'{functions}\nbad_words=$1\nquote_guest_log $2',
                                   'test', words, log], check=True, capture_output=True,
                                  text=True).stdout.splitlines()

    def test_report_in_a_long_log(self):
        talk = stamped(['talk'] * 300, 200)
        log = stamped(['talk'] * 300, 50) + oops(panic=False) + talk
        done = self.judge(BEGIN, self.quote(log), 'LAB-FAIL one 2.0 guest', REST)
        self.assertEqual(done.again, ['one'], self.said)

    def test_complaint_before_the_report_is_not_left_out(self):
        log = [BUG] + stamped(['talk'] * 300, 99) + oops()
        done = self.judge(BEGIN, self.quote(log), 'LAB-FAIL one 2.0 guest', REST)
        self.assertEqual(done.again, [], self.said)

    def test_too_long(self):
        log = oops(panic=False) + stamped(['talk'] * 600, 200) + [BUG]
        lines = self.quote(log)
        self.assertTrue(lines[-1].startswith('LAB-CUT guest-g1.log: '), lines[-1])
        self.assertEqual(self.judge(BEGIN, lines, 'LAB-FAIL one 2.0 guest', REST).again, [])

    def test_without_complaint(self):
        lines = self.quote(stamped(['talk'] * 300, 99))
        self.assertEqual(len([line for line in lines if line.startswith('| ')]), 41)
        self.assertEqual(lines[-1], '| <  99.000299> talk')

    def test_empty(self):
        self.assertEqual(self.quote([]), ['LAB-LOG guest-g1.log'])
