;; festival --script festival.scm VOICE (STEM SEED)...
;;
;; Reads STEM.txt aloud into STEM.1.wav, STEM.2.wav, ... (one for each sentence that Festival
;; finds), then prints "done STEM". Texts stay in files and names stay arguments, so that neither
;; is ever read as Scheme. An utterance that fails prints nothing and the next one follows.
;; $FESTDATADIR, where it is set, holds Festival's own files: where it is unpacked, not installed.

(if (getenv "FESTDATADIR")
    (set! datadir (getenv "FESTDATADIR")))
(load (path-append datadir "init.scm"))
(gc-status nil)

(define (save_next utt)
  (set! part (+ part 1))
  (wave.save (utt.wave utt) (format nil "%s.%d.wav" stem part) 'riff))

(set! tts_hooks (list utt.synth save_next))

(define (speak name seed)
  (set! stem name)
  (set! part 0)
  (srand seed)
  (tts_file (string-append stem ".txt") nil)
  (format t "done %s\n" stem))

(define (speak_all arguments)
  (while arguments
    (unwind-protect (speak (car arguments) (parse-number (cadr arguments))) nil)
    (set! arguments (cddr arguments))))

(eval (list (intern (string-append "voice_" (car argv)))))
(set! czech-rand-range 1) ; else the first Czech sentence draws numbers that the next one does not
(speak_all (cdr argv))
