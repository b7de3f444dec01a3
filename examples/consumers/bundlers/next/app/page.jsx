'use client'

import { useEffect, useState } from 'react'
import { program } from '../program.js'

export default function Page() {
  const [{ title, text }, show] = useState({ title: 'loading', text: '' })
  useEffect(() => {
    program(new URL('/model/', location.href), 'wasm').then(
      (answer) => show({ title: 'done', text: JSON.stringify(answer) }),
      (error) => show({ title: 'failed', text: error.stack }),
    )
  }, [])
  return (
    <>
      <title>{title}</title>
      <pre id="log">{text}</pre>
    </>
  )
}
